#!/usr/bin/env node
/** The `millrace` command. In a clone it first installs and builds what is missing. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { prepare, root } from './prepare.mjs'

prepare()
await import(pathToFileURL(join(root, 'dist', 'workers', 'main.js')).href)
