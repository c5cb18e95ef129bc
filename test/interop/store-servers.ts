import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { root } from '../support/root.ts'
import { certificatePath, domain } from '../support/s3/server.ts'

/** An S3 server that others wrote, running. */
export interface Running {
  readonly endpoint: string
  /** Certificate of its authority, where it uses TLS: no system trusts it by default. */
  readonly certificatePath?: string
  stop(): Promise<void>
}

export interface StoreServer {
  readonly name: string
  /** Undefined where it is or can be made ready; else why not. */
  absent(): string | undefined
  start(): Promise<Running>
  /** Claims of the contract that it is known not to keep, and why. */
  readonly except?: Readonly<Record<string, string>>
}

export const account = { accessKey: 'millrace', secretKey: 'mill/race+secret=1' }

export async function createBucket({ endpoint, certificatePath: trusted }: Running, bucket: string): Promise<void> {
  const credentials = { accessKeyId: account.accessKey, secretAccessKey: account.secretKey }
  const tls = trusted === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca: await readFile(trusted) }) } }
  const client = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, credentials, ...tls })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
}

/** Where programs built with Go are kept. */
const programs = process.env['MILLRACE_STORES'] ?? join(root, '.millrace', 'stores')
const startMs = 60_000

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

/** Built once, which takes minutes, then kept. */
function goProgram(name: string, module: string): { absent(): string | undefined; path(): string } {
  const kept = join(programs, name)
  return {
    absent: () => (existsSync(kept) || has(name) || has('go') ? undefined : `neither ${name} nor Go is there`),
    path() {
      if (existsSync(kept)) return kept
      if (has(name)) return name
      process.stderr.write(`building ${name}, which takes minutes the first time\n`)
      const env = { ...process.env, GOBIN: programs }
      const built = spawnSync('go', ['install', `${module}@latest`], { env, cwd: tmpdir(), stdio: ['ignore', 2, 2] })
      if (built.status !== 0) throw new Error(`go install ${module} ended with ${built.status}`)
      return kept
    },
  }
}

const minioProgram = goProgram('minio', 'github.com/minio/minio')
const minioSettings = {
  ...{ MINIO_ROOT_USER: account.accessKey, MINIO_ROOT_PASSWORD: account.secretKey },
  ...{ MINIO_BROWSER: 'off', MINIO_UPDATE: 'off', MINIO_DOMAIN: domain },
  // Benchmarks read its counters.
  MINIO_PROMETHEUS_AUTH_TYPE: 'public',
}
const minioOn = (folder: string, port: number, ...more: readonly string[]): Program => ({
  program: minioProgram.path(),
  args: ['server', folder, '--address', `127.0.0.1:${port}`, '--quiet', ...more],
  env: minioSettings,
  port,
})
const minio: StoreServer = {
  name: 'MinIO',
  absent: minioProgram.absent,
  async start() {
    const port = await freePort()
    return inFolder((folder) => minioOn(join(folder, 'data'), port))
  },
}

/** The same over TLS, under a name below which its buckets have names of their own. */
export const secureMinio: StoreServer = {
  name: 'MinIO over TLS',
  absent: minioProgram.absent,
  async start() {
    const port = await freePort()
    const running = await inFolder((folder) => {
      const certificates = join(folder, 'certificates')
      mkdirSync(certificates)
      const pem = readFileSync(certificatePath, 'utf8')
      // It takes a file that holds nothing else.
      const cut = pem.indexOf('-----BEGIN CERTIFICATE')
      writeFileSync(join(certificates, 'private.key'), pem.slice(0, cut))
      writeFileSync(join(certificates, 'public.crt'), pem.slice(cut))
      return minioOn(join(folder, 'data'), port, '--certs-dir', certificates)
    })
    return { ...running, endpoint: `https://127.0.0.1:${port}`, certificatePath }
  },
}

const versitygwProgram = goProgram('versitygw', 'github.com/versity/versitygw/cmd/versitygw')
const versitygw: StoreServer = {
  name: 'versitygw',
  absent: versitygwProgram.absent,
  async start() {
    const port = await freePort()
    const env = { ROOT_ACCESS_KEY: account.accessKey, ROOT_SECRET_KEY: account.secretKey }
    return inFolder((folder) => ({ program: versitygwProgram.path(), args: ['--port', `127.0.0.1:${port}`, 'posix', folder], env, port }))
  },
}

const moto: StoreServer = {
  name: 'moto',
  except: { 'uploads that never ended are abandoned once they are old': 'it reports 2010 as the start of every upload' },
  absent: () => (has('moto_server') ? undefined : "moto_server is not there (pip install 'moto[server]')"),
  async start() {
    const port = await freePort()
    return inFolder(() => ({ program: 'moto_server', args: ['-H', '127.0.0.1', '-p', String(port)], env: {}, port }))
  },
}

/** A monitor, one storage daemon in memory and a gateway, without authentication among themselves. */
const ceph: StoreServer = {
  name: 'Ceph',
  absent() {
    const missing = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'monmaptool'].filter((each) => !has(each))
    return missing.length === 0 ? undefined : `${missing[0]} is not there (apt-get install radosgw ceph-mon ceph-osd ceph-common)`
  },
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-ceph-'))
    const daemons: ChildProcess[] = []
    const stop = async (): Promise<void> => {
      for (const daemon of daemons.reverse()) await end(daemon)
      await rm(folder, { recursive: true, force: true })
    }
    try {
      return { endpoint: await startCeph(folder, daemons), stop }
    } catch (error) {
      await stop()
      throw error
    }
  },
}

export const storeServers: readonly StoreServer[] = [minio, versitygw, moto, ceph]

async function startCeph(folder: string, daemons: ChildProcess[]): Promise<string> {
  const [monitor, legacy, gateway] = [await freePort(), await freePort(), await freePort()]
  const address = `[v2:127.0.0.1:${monitor},v1:127.0.0.1:${legacy}]`
  const [cluster, disk] = [randomUUID(), randomUUID()]
  for (const each of ['mon', 'osd', 'run', 'log', 'rgw']) await mkdir(join(folder, each))
  const conf = join(folder, 'ceph.conf')
  await writeFile(conf, cephConf(folder, cluster, address, gateway))
  const run = (program: string, ...args: string[]) => promisify(execFile)(program, ['-c', conf, ...args], { timeout: startMs })
  const daemon = (program: string, ...args: string[]): void => {
    daemons.push(spawn(program, ['-c', conf, '-f', ...args], { stdio: 'ignore' }))
  }
  await promisify(execFile)('monmaptool', ['--create', '--addv', 'a', address, '--fsid', cluster, join(folder, 'monmap')])
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', join(folder, 'monmap'))
  daemon('ceph-mon', '-i', 'a')
  const { stdout } = await run('ceph', 'osd', 'new', disk)
  const id = stdout.trim()
  await mkdir(join(folder, 'osd', 'data'))
  await run('ceph-osd', '-i', id, '--mkfs', '--osd-uuid', disk)
  daemon('ceph-osd', '-i', id)
  await run('ceph', 'osd', 'crush', 'add', `osd.${id}`, '1.0', 'root=default', 'host=localhost')
  daemon('radosgw', '-n', 'client.rgw')
  await listening(gateway, daemons)
  const keys = [`--access-key=${account.accessKey}`, `--secret=${account.secretKey}`]
  await run('radosgw-admin', '-n', 'client.rgw', 'user', 'create', '--uid=t', '--display-name=t', ...keys)
  return `http://127.0.0.1:${gateway}`
}

const cephConf = (folder: string, cluster: string, address: string, gateway: number): string => `[global]
fsid = ${cluster}
mon_host = ${address}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 2000
run_dir = ${folder}/run
admin_socket = ${folder}/run/$name.asok
log_file = ${folder}/log/$name.log
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
[mon]
mon_data = ${folder}/mon/a
mon_data_avail_crit = 1
[osd]
osd_data = ${folder}/osd/data
osd_objectstore = memstore
memstore_device_bytes = 2147483648
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:${gateway}
rgw_data = ${folder}/rgw
ms_mon_client_mode = crc
`

interface Program {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly port: number
}

/** A server whose state is a folder that goes with it. */
async function inFolder(plan: (folder: string) => Program): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-s3-'))
  const { program, args, env, port } = plan(folder)
  const log = join(folder, '..', `${folder.split('/').at(-1)}.log`)
  const child = spawn('sh', ['-c', 'exec "$0" "$@" >"$MILLRACE_LOG" 2>&1', program, ...args], {
    env: { ...process.env, ...env, MILLRACE_LOG: log },
  })
  const stop = async (): Promise<void> => {
    await end(child)
    await rm(folder, { recursive: true, force: true })
    await rm(log, { force: true })
  }
  try {
    await listening(port, [child])
    return { endpoint: `http://127.0.0.1:${port}`, stop }
  } catch (error) {
    const output = await readFile(log, 'utf8').catch(() => '')
    await stop()
    throw new Error(`${program} did not start: ${(error as Error).message}\n${output.slice(-1000)}`)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(killer)
}

/** Until it answers anything at all. */
async function listening(port: number, children: readonly ChildProcess[]): Promise<void> {
  for (const before = Date.now(); Date.now() - before < startMs; await sleep(100)) {
    const dead = children.find(({ exitCode }) => exitCode !== null)
    if (dead !== undefined) throw new Error(`it ended with ${dead.exitCode}`)
    const answered = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    )
    if (answered) return
  }
  throw new Error(`nothing answers within ${startMs} ms`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
