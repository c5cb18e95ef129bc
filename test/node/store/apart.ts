import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { root } from '../../support/root.ts'

/** The contract in a separate process, as an operator would test a bucket: trusted certificates are set at the start of a process. */
export function triedApart(
  uri: string,
  keys: { readonly accessKey: string; readonly secretKey: string },
  certificatePath: string | undefined,
): Promise<string> {
  const child = spawn(process.execPath, [join(root, 'src', 'cli', 'run.mjs'), 'test/interop/stores.ts', uri], {
    cwd: root,
    env: {
      ...process.env,
      MILLRACE_S3_ACCESS_KEY: keys.accessKey,
      MILLRACE_S3_SECRET_KEY: keys.secretKey,
      ...(certificatePath === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificatePath }),
    },
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((resolve) => child.once('exit', () => resolve(output)))
}
