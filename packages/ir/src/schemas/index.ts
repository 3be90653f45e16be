import { newestOpset, schemaText } from './data.generated.ts'
import { type OpSchema, keyOf, parseLine } from './parse.ts'

export { newestOpset } from './data.generated.ts'
export type { AttributeSchema, AttributeType, OpSchema, ParameterSchema } from './parse.ts'

/** Lines of the table by domain and op, versions ascending; each is parsed when it is first asked for. */
let lines: Map<string, (string | OpSchema)[]> | undefined
let sets: string[] = []

function linesOf(domain: string, op: string): (string | OpSchema)[] {
  if (!lines) {
    lines = new Map()
    const [first, ...rest] = schemaText.split('\n')
    sets = JSON.parse(first!) as string[]
    for (const line of rest) {
      const key = keyOf(line)
      const name = `${key.domain} ${key.op}`
      const known = lines.get(name)
      if (known) known.push(line)
      else lines.set(name, [line])
    }
  }
  return lines.get(`${domain} ${op}`) ?? []
}

/** Every version of an op's schema, oldest first; empty for an op that the table does not have. */
export function schemasOf(domain: string, op: string): OpSchema[] {
  const versions = linesOf(domain, op)
  versions.forEach((line, index) => {
    if (typeof line === 'string') versions[index] = parseLine(line, sets)
  })
  return versions as OpSchema[]
}

/**
 * The schema of an op as a model with this version of the domain's operator set uses it: all versions of ai.onnx, ai.onnx.ml and
 * ai.onnx.preview.training since the first, and onnxruntime's com.microsoft, as ONNX and onnxruntime declare them.
 * @param domain '' is ai.onnx.
 * @param opset By default the newest.
 * @returns undefined where that version does not have the op; look at `deprecated` for one that it has no more.
 */
export function schemaOf(domain: string, op: string, opset = Infinity): OpSchema | undefined {
  return schemasOf(domain, op).findLast((schema) => schema.since <= opset)
}

/** The names of all ops that a domain's operator set of this version has, deprecated ones left out, in alphabetical order. */
export function opsOf(domain: string, opset = domain === '' ? newestOpset : Infinity): string[] {
  linesOf(domain, '')
  const names = [...lines!.keys()].filter((name) => name.startsWith(`${domain} `)).map((name) => name.slice(domain.length + 1))
  return names.filter((op) => schemaOf(domain, op, opset)?.deprecated === false)
}
