/** What a request says about itself, as conditions and variables ask for it. */

/** The value or values of a condition key; undefined when the request has no such key. */
export type Values = string | readonly string[] | undefined

/** Keys are given in lower case: `kms:encryptioncontext:dept`. */
export type ContextReader = (key: string) => Values
