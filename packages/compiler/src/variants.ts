import type { Target } from '@whittle/ir'
import { TARGETS } from '@whittle/targets'
import type { Alternative, Request, RuntimeName } from './directives/directive.ts'

/** An alternative for a target. */
export interface Pair {
  readonly alternative: Alternative
  readonly target: Target
  /** What executes it; undefined: the smaller one, where it can. */
  readonly runtime?: RuntimeName
}

const DEFAULT_TARGETS = ['wasm', 'webgpu', 'webgpu-f16']

/** Alternatives times targets, and for WebAssembly times runtimes, less the pairs that make no sense. */
export function pairsOf(request: Request): Pair[] {
  const targets = request.targets ?? TARGETS.filter((target) => DEFAULT_TARGETS.includes(target.name))
  return request.alternatives.flatMap((alternative) =>
    targets
      .filter((target) => makesSense(alternative, target, request))
      .flatMap((target) => runtimesOf(target, request).map((runtime): Pair => ({ alternative, target, runtime }))),
  )
}

function runtimesOf({ provider }: Target, { runtimes }: Request): (RuntimeName | undefined)[] {
  return provider === 'wasm' ? (runtimes ?? [undefined]) : ['onnx']
}

/** A target that computes in float16 adds nothing for weights that are only stored, unless it was asked for by name. */
function makesSense(alternative: Alternative, target: Target, request: Request): boolean {
  if (request.targets) return true
  return !target.computes.includes('fp16') || alternative.format?.float16 === true
}
