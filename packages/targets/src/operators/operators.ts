import type { Target } from '@whittle/ir'
import type { HostValues, Operator, OperatorLimit, OpsetRange } from './operator.ts'
import { HOST_VALUES, OPERATOR_LIMITS } from './overlay.ts'
import { webgpuOperators } from './webgpu.ts'
import { webnnOperators } from './webnn.ts'

/** The lists by provider. There is none for wasm: its provider is the CPU's, which all other providers fall back to, and which runs all that runs. */
export const OPERATOR_LISTS = { webgpu: webgpuOperators, webnn: webnnOperators } as const

/** All that is known of an op on a target. */
export interface OperatorFacts {
  /** The versions for which the provider has kernels; none: it has no such op. Not given for wasm, which runs all that runs. */
  readonly versions?: readonly OpsetRange[]
  readonly limits: readonly OperatorLimit[]
  readonly host: readonly HostValues[]
}

/**
 * What a target's provider does with an op.
 * @param type as the op table names it: `Conv`, `com.microsoft.MatMulNBits`.
 */
export function operatorFacts({ provider, deviceType }: Pick<Target, 'provider' | 'deviceType'>, type: string): OperatorFacts {
  const limits = OPERATOR_LIMITS.filter(
    (row) => row.provider === provider && (row.deviceType ?? deviceType) === deviceType && row.ops.includes(type),
  )
  const host = HOST_VALUES.filter((row) => row.provider === provider && row.ops.includes(type))
  if (provider === 'wasm' || provider === 'tfjs') return { limits, host }
  const versions = limits.find((row) => row.versions)?.versions ?? listedVersions(OPERATOR_LISTS[provider].rows, type)
  return { versions, limits, host }
}

function listedVersions(rows: readonly Operator[], type: string): readonly OpsetRange[] {
  const dot = type.lastIndexOf('.')
  const [domain, op] = dot < 0 ? ['ai.onnx', type] : [type.slice(0, dot), type.slice(dot + 1)]
  return rows.find((row) => row.op === op)?.opsets[domain] ?? []
}
