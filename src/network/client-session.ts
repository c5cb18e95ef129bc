/** The client of a connection. Each of its requests has the session in its context. */
export interface ClientSession {
  /** Name of the listener that accepted the connection. */
  readonly listener: string
  /** Address of the client. */
  readonly host: string
  /** Kafka's form of a principal: its type and its name. */
  readonly principal: string
}

/** Principal of a client without authentication, as in Kafka. */
export const anonymous = 'User:ANONYMOUS'
