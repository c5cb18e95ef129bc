/** Runs one program of this project from its build: `node src/cli/run.mjs bench/main.ts ARGUMENT...` */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prepare, root } from './prepare.mjs'

prepare()
const [program, ...rest] = process.argv.slice(2)
const built = join(root, 'dist', program.replace(/\.ts$/, '.js'))
process.argv = [process.argv[0], built, ...rest]
await import(pathToFileURL(built).href)
