#!/usr/bin/env node
/**
 * Writes packages/ir/test/fixtures/node-cases.jsonl, the types and shapes of ONNX's own test cases of single nodes, with which shape
 * inference is compared: `node tools/generate/node-cases.mjs`. Without Python's onnx it says so and leaves the committed file.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromPython } from './python.mjs'

const text = fromPython('node_cases.py', "The table of ONNX's test cases")
if (text !== undefined) writeFileSync(fileURLToPath(new URL('../../packages/ir/test/fixtures/node-cases.jsonl', import.meta.url)), text)
