import { portsOf } from '@whittle/engine'
import type { Model, Target } from '@whittle/ir'
import { type GoldenInput, MANIFEST_FORMAT, type Manifest, type ManifestVariant, type Port } from '@whittle/targets'
import type { Artefact } from './types.ts'

/** What all variants of an import share. */
interface ManifestFacts {
  readonly name: string
  readonly model: Model
  readonly golden: Readonly<Record<string, GoldenInput>> | undefined
}

/** The manifest of an import, its variants in the order in which they are tried. */
export function manifestOf(
  { name, model, golden }: ManifestFacts,
  query: string,
  source: Manifest['source'],
  variants: readonly ManifestVariant[],
): Manifest {
  const { inputs, outputs } = portsOf(model)
  return {
    format: MANIFEST_FORMAT,
    name,
    query,
    source,
    inputs: inputs.map(portOf),
    outputs: outputs.map(portOf),
    ...(golden && variants.some((variant) => variant.golden) ? { golden } : {}),
    variants: [...variants].sort((a, b) => a.rank - b.rank),
  }
}

function portOf({ name, elementType, dims }: ReturnType<typeof portsOf>['inputs'][number]): Port {
  return { name, elementType: elementType ?? 'float32', dims: [...(dims ?? [])] }
}

/** A variant's id, with a number where others have it too. */
export function uniqueId(id: string, variants: readonly ManifestVariant[]): string {
  const taken = variants.filter((variant) => variant.id === id || variant.id.startsWith(`${id}.`)).length
  return taken === 0 ? id : `${id}.${taken + 1}`
}

/** Named after the recipe; after the target too, where targets get different files. */
export function artefactName(model: string, label: string, target: Target, others: Iterable<Artefact>): string {
  const taken = new Set([...others].map((other) => other.name))
  const ending = target.provider === 'tfjs' ? 'whittle' : 'onnx'
  const names = [`${model}.${label}.${ending}`, `${model}.${label}-${target.name}.${ending}`]
  for (let suffix = 2; ; suffix++) {
    const free = names.find((name) => !taken.has(name))
    if (free) return free
    names.push(`${model}.${label}-${target.name}.${suffix}.${ending}`)
  }
}
