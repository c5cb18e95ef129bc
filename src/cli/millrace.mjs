#!/usr/bin/env node
/** The `millrace` command. In a clone it first installs and builds what is missing. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkFiles } from './check-files.mjs'
import { hideArguments } from './hide-arguments.mjs'
import { prepare, root } from './prepare.mjs'

checkFiles()
hideArguments()
prepare()
await import(pathToFileURL(join(root, 'dist', 'program', 'main.js')).href)
