#include <stdio.h>

int main(void)
{
    puts("vedette " VEDETTE_VERSION);
    return 0;
}
