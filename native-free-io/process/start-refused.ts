/** The start fails, and a retry would not help. The message is one line for the operator, with the setting to change. */
export class StartRefused extends Error {}
