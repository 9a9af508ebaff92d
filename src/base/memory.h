/* What the C library keeps of freed memory. */
#ifndef VEDETTE_BASE_MEMORY_H
#define VEDETTE_BASE_MEMORY_H

/* For a process that stays: large blocks go back to the kernel as soon as they are freed, however many there
 * were. */
void memory_setup(void);

/* Gives back what is free between things that stay, which free alone does not. Loading rules needs twice the
 * memory that they take afterwards. Takes some milliseconds. */
void memory_give_back(void);

#endif
