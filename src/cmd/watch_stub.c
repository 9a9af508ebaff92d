#include "watch/watch.h"
#include <stdlib.h>
#include <unistd.h>
static struct watch_counts c; struct watch{int x;};
struct watch *watch_new(struct loop *l, const struct config *c2, struct ruleset *r){(void)l;(void)c2;(void)r;return calloc(1,8);}
void watch_socket(struct watch*w,const char*l,int fd){(void)w;(void)l;(void)fd;}
void watch_courier(struct watch*w,struct channel*ch){(void)w;(void)ch;}
void watch_message(struct watch*w,enum control_type t,sv b){(void)w;(void)t;(void)b;}
void watch_start(struct watch*w){(void)w;}
void watch_reload(struct watch*w,const struct config*c2,struct ruleset*r){(void)w;(void)c2;(void)r;}
void watch_drain(struct watch*w,loop_fn*d,void*a){(void)w;d(a);}
void watch_on_stdin_end(struct watch*w,loop_fn*f,void*a){(void)w;(void)f;(void)a;}
const struct watch_counts*watch_counts(const struct watch*w){(void)w;return&c;}
void watch_free(struct watch*w){free(w);}
int watch_open_socket(const struct config_input*i,int*fd,struct err*e){(void)i;(void)e;*fd=-1;return -1;}
