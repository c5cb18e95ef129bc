import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contentType } from '../../src/metrics/registry.ts'

export interface HttpParts {
  /** An empty host means every interface; port 0 means any free one. */
  readonly host: string
  readonly port: number
  /** Returns the text of /metrics. */
  readonly metrics: () => string
  /** /healthz: reasons why the threads of the process make no progress; none: they do. */
  readonly problems: () => readonly string[]
  /** /readyz: clients are served. */
  readonly isReady: () => boolean
}

export interface HttpServer {
  readonly port: number
  close(): Promise<void>
}

const connectionsMax = 16
const requestLimitMs = 10_000

/** Serves /metrics, /healthz and /readyz for GET and HEAD, and nothing else. */
export function serveHttp(parts: HttpParts): Promise<HttpServer> {
  const server = createServer(
    { requestTimeout: requestLimitMs, headersTimeout: requestLimitMs, maxHeaderSize: 8192 },
    (request, response) => answer(parts, request, response),
  )
  server.maxConnections = connectionsMax
  server.on('clientError', (_, socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: parts.port, ...(parts.host === '' ? {} : { host: parts.host }) }, () => {
      server.off('error', reject)
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  })
}

function answer(parts: HttpParts, request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  const [status, body, type] = page(parts, request.method ?? '', request.url?.split('?')[0] ?? '')
  response.writeHead(status, { 'content-type': type ?? 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const health = (problems: readonly string[]): readonly [number, string] =>
  problems.length === 0 ? [200, 'alive\n'] : [503, `not alive: ${problems.join('; ')}\n`]

function page(
  { metrics, problems, isReady }: HttpParts,
  method: string,
  path: string,
): readonly [status: number, body: string, type?: string] {
  if (method !== 'GET' && method !== 'HEAD') return [405, 'only GET is served\n']
  switch (path) {
    case '/metrics':
      return [200, metrics(), contentType]
    case '/healthz':
      return health(problems())
    case '/readyz':
      return isReady() ? [200, 'ready\n'] : [503, 'not ready\n']
    default:
      return [404, 'there are /metrics, /healthz and /readyz\n']
  }
}
