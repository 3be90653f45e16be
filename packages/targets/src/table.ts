import type { Target } from '@whittle/ir'
import { wasm } from './profiles/wasm.ts'
import { webgpu, webgpuF16 } from './profiles/webgpu.ts'
import { webnnCpu, webnnGpu, webnnNpu } from './profiles/webnn.ts'

/** Every target, in the order of preference. */
export const TARGETS: readonly Target[] = [webgpuF16, webnnNpu, webnnGpu, webgpu, webnnCpu, wasm]

/** Names that stand for several targets. */
export const TARGET_GROUPS: Readonly<Record<string, readonly string[]>> = { webnn: ['webnn-cpu', 'webnn-gpu', 'webnn-npu'] }

/** The targets of a name or of a group's name; empty when there is none. */
export function findTargets(name: string): readonly Target[] {
  const names = Object.hasOwn(TARGET_GROUPS, name) ? TARGET_GROUPS[name]! : [name]
  return TARGETS.filter((target) => names.includes(target.name))
}
