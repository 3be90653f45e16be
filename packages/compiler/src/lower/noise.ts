import type { Engine, EngineSession, Model, Sample, Target, Tensors } from '@whittle/ir'
import { writeOnnx } from '@whittle/ir/onnx'
import { noiseShare } from '@whittle/statistics'
import { lower } from './lower.ts'

/**
 * What each of the nodes brings to the model's outputs when it alone computes in integers: noise power as a share of the signal's, of the output
 * that suffers most. Integers are computed exactly, node by node: fused kernels of some processors saturate where the browser's do not.
 * @param outputs names of what the nodes give.
 */
export async function measureIntegerNoise(
  model: Model,
  target: Target,
  shapes: Readonly<Record<string, readonly number[]>>,
  outputs: readonly string[],
  engine: Engine,
  samples: readonly Sample[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const run = async (names: ReadonlySet<string>): Promise<Tensors[]> => {
    const copy = model.clone()
    lower(copy, target, shapes, (candidates) => new Set(candidates.filter(({ node }) => names.has(node.output.name))))
    const session: EngineSession = await engine.open(writeOnnx(copy), { optimization: 'none' })
    try {
      const results: Tensors[] = []
      for (const { inputs } of samples) results.push(await session.run(inputs))
      return results
    } finally {
      await session.dispose()
    }
  }
  const reference = await run(new Set())
  const noise = new Map<string, number>()
  for (const name of outputs) {
    signal?.throwIfAborted()
    noise.set(name, noiseShare(reference, await run(new Set([name]))))
  }
  return noise
}
