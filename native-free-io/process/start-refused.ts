/** The node does not start, and another try would not help: the message is one line for the operator, with the setting to change. */
export class StartRefused extends Error {}
