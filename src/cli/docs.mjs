/** `npm run docs`: writes the generated tables of the pages in src/docs again. A test compares them with their sources. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare, root } from './prepare.mjs'

prepare()
const { withTables } = await import(new URL('../../dist/src/docs/tables.js', import.meta.url).href)
const folder = join(root, 'src', 'docs')
for (const name of readdirSync(folder).filter((each) => each.endsWith('.md'))) {
  const path = join(folder, name)
  const page = readFileSync(path, 'utf8')
  const written = withTables(page)
  if (written === page) continue
  writeFileSync(path, written)
  process.stdout.write(`src/docs/${name}: tables written\n`)
}
