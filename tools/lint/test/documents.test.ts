import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean)

/** What a commit would hold: neither ignored files nor those that were just deleted. */
const files = git('ls-files', '--cached', '--others', '--exclude-standard').filter((file) => existsSync(path.join(root, file)))
const read = (file: string) => readFileSync(path.join(root, file), 'utf8')
const documents = files.filter(
  (file) => file.endsWith('.md') && !file.startsWith('.changeset/') && !/(^|\/)(CHANGELOG\.md$|fixtures\/)/.test(file),
)
const packages = [
  ...new Set(files.map((file) => /^packages\/([^/]+)\/package\.json$/.exec(file)?.[1]).filter((name) => name !== undefined)),
]

describe('a document', () => {
  it.each(documents)('%s links to what is there', (document) => {
    expect(links(read(document)).filter((link) => !resolves(document, link))).toEqual([])
  })

  it.each(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'LICENSE', 'NOTICE.md'])('%s stands at the top', (name) => {
    expect(files).toContain(name)
  })
})

describe('a package', () => {
  it.each(packages)('%s says in its README what it does, how to install it, an example and the options', (name) => {
    const file = `packages/${name}/README.md`
    expect(files).toContain(file)
    const text = read(file)
    expect(headings(text)[0]).toBe(`@whittle/${name}`)
    expect(headings(text).map((heading) => heading.toLowerCase())).toEqual(expect.arrayContaining(['install', 'example', 'options']))
    expect(text).toMatch(new RegExp(`npm install [^\n]*@whittle/${name}\\b`))
    const job = text
      .split('\n')
      .slice(1)
      .find((line) => line.trim() !== '')
    expect(job, 'the first line below the title says the job').toMatch(/^[A-Z`]/)
  })
})

describe('a name', () => {
  it('is kebab-case for every file of a source folder', () => {
    const names = files.filter((file) => /^(packages|tools|examples)\/[^/]+\/(src|test)\//.test(file) && /\.[cm]?[jt]s$/.test(file))
    const wrong = names.filter(
      (file) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|d|generated|bench|test-d))*\.[cm]?[jt]s$/.test(path.basename(file).replace(/_pb\.ts$/, '.ts')),
    )
    expect(wrong).toEqual([])
  })

  it('is none of those that say nothing', () => {
    expect(packages.filter((name) => ['core', 'utils', 'common', 'types', 'shared', 'helpers'].includes(name))).toEqual([])
  })
})

function headings(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!.replaceAll('`', '').trim())
}

/** The targets of inline links, pictures included, outside of code. */
function links(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map((match) => match[1]!)
}

function withoutBlocks(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1\s*$/gm, '')
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replace(/`[^`\n]*`/g, (code) => '`'.repeat(code.length))
}

function resolves(document: string, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? document : path.posix.join(path.posix.dirname(document), decodeURI(file))
  if (!existsSync(path.join(root, target))) return false
  return anchor === undefined || !target.endsWith('.md') || anchors(read(target)).includes(anchor)
}

/** As hosts make them of headings. */
function anchors(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )
}
