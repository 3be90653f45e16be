import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { BUNDLERS, CODECS, IMPORT_TABLE, KNOWS_BUNDLERS, PORTABLE } from './import-table.mjs'

/**
 * The rule `whittle/imports`: holds every import of a file in `packages/NAME/src` against the import table, and every import
 * anywhere against "no deep imports".
 *
 * @type {import('eslint').Rule.RuleModule}
 */
export const imports = {
  meta: { type: 'problem', schema: [], docs: { description: 'Imports follow the table in tools/lint/src/import-table.mjs.' } },
  create(context) {
    const place = locate(context.filename)
    if (!place) return {}
    const check = (node, source, typeOnly) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return
      const message = complaint(place, source.value, typeOnly)
      if (message) context.report({ node, message })
    }
    return {
      ImportDeclaration: (node) => check(node, node.source, isTypeOnly(node)),
      ExportNamedDeclaration: (node) => check(node, node.source, isTypeOnly(node)),
      ExportAllDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node, node.source, false),
      TSImportType: (node) => check(node, node.source, true),
    }
  },
}

function isTypeOnly(node) {
  if (node.importKind === 'type' || node.exportKind === 'type') return true
  const names = node.specifiers ?? []
  return names.length > 0 && names.every((name) => name.importKind === 'type' || name.exportKind === 'type')
}

/** Where a file stands: its workspace's folder, the name where it is a package, the path inside. */
function locate(filename) {
  const found = /^(.*\/(packages|tools|examples)\/([^/]+))\/(.+)$/.exec(filename.split(path.sep).join('/'))
  if (!found) return undefined
  const [, folder, kind, name, file] = found
  return { folder, file, name, isSource: kind === 'packages' && file.startsWith('src/') }
}

function complaint(place, specifier, typeOnly) {
  if (specifier.startsWith('.')) return relativeComplaint(place, specifier)
  const ours = /^@whittle\/([^/]+)(?:\/(.+))?$/.exec(specifier)
  if (ours) return oursComplaint(place, specifier, ours[1], ours[2], typeOnly)
  return place.isSource ? foreignComplaint(place, specifier) : undefined
}

function relativeComplaint({ folder, file, name, isSource }, specifier) {
  const target = path.posix.join(folder, path.posix.dirname(file), specifier)
  const root = path.posix.dirname(path.posix.dirname(folder))
  const into = /^(packages|tools)\/([^/]+)/.exec(path.posix.relative(root, target))
  if (into && `${into[1]}/${into[2]}` !== path.posix.relative(root, folder)) {
    return `'${specifier}' reaches into ${into[0]}: import it by its package name.`
  }
  if (isSource && !target.startsWith(`${folder}/src/`))
    return `'${specifier}' leaves the sources of ${name}, which are all that is published.`
  return undefined
}

function oursComplaint(place, specifier, name, subpath, typeOnly) {
  const exported = subpath === undefined || isExported(place.folder, name, subpath)
  if (!exported) return `'${specifier}' is a deep import: @whittle/${name} does not export './${subpath}'.`
  if (!place.isSource || name === place.name) return undefined
  const allowed = IMPORT_TABLE[place.name]
  if (!allowed) return `packages/${place.name} has no row in tools/lint/src/import-table.mjs.`
  if (allowed.includes(name) || (subpath && allowed.includes(`${name}/${subpath}`))) return undefined
  const types = allowed.includes(`${name} (types)`)
  if (types && typeOnly) return undefined
  if (types) return `${place.name} may import types only from @whittle/${name}: write 'import type'.`
  return `${place.name} may not import @whittle/${name}; it may import ${allowed.join(', ') || 'nothing of ours'} (ARCHITECTURE.md).`
}

function foreignComplaint({ name, file }, specifier) {
  const module = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (isBuiltin(specifier)) {
    const portable = PORTABLE[name] && !PORTABLE[name].includes(file)
    return portable ? `'${specifier}' is Node's: ${name} runs anywhere. Pass in what it needs.` : undefined
  }
  if (BUNDLERS.includes(module) && !KNOWS_BUNDLERS.includes(name)) {
    return `'${specifier}' belongs to a bundler: only ${KNOWS_BUNDLERS.join(', ')} may know one.`
  }
  const codec = CODECS[name]
  if (codec?.modules.includes(module) && !file.startsWith(codec.folder))
    return `'${specifier}' is a codec: in ${name} it stays below ${codec.folder}.`
  return undefined
}

const manifests = new Map()

/** Whether the package exports a subpath; a package that is not there is the type checker's business. */
function isExported(folder, name, subpath) {
  const root = path.posix.dirname(path.posix.dirname(folder))
  for (const kind of ['packages', 'tools']) {
    const file = `${root}/${kind}/${name}/package.json`
    if (!manifests.has(file)) manifests.set(file, readExports(file))
    const exported = manifests.get(file)
    if (exported) return `./${subpath}` in exported
  }
  return true
}

function readExports(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).exports ?? {}
  } catch {
    return undefined
  }
}
