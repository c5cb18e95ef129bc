/** A value while it is being put together; whoever gets it afterwards sees it as its own type. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] }
