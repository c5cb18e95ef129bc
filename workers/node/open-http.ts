import { type HttpParts, type HttpServer, serveHttp } from '../../native-free-io/net/http.ts'
import type { Log } from '../../native-free-io/process/logger.ts'
import { systemReason } from '../../native-free-io/process/start-failure.ts'
import { StartRefused } from '../../native-free-io/process/start-refused.ts'

/** Opens the HTTP endpoint. A default port that is in use is replaced by another one; `isGiven`: the port is not the default. */
export async function openHttp(isGiven: boolean, log: Log, parts: HttpParts): Promise<HttpServer> {
  const address = `http://${parts.host}:${parts.port}`
  try {
    return await serveHttp(parts)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = systemReason(error) ?? message
    if (isGiven) {
      const advice = 'Set metrics.listener to a free port, or to nothing for no metrics.'
      throw new StartRefused(`metrics.listener = ${address} cannot be opened: ${reason} (${code}). ${advice}`)
    }
    const other = await serveHttp({ ...parts, port: 0 })
    log.warn({ port: other.port }, `metrics.listener: the default ${address} cannot be opened: ${reason}; metrics are on another port`)
    return other
  }
}
