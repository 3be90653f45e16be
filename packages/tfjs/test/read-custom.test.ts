import { Tensor } from '@whittle/ir'
import { expect, it } from 'vitest'
import { read, expectSame, opsOf, saved, tf } from './read-oracle.ts'

/** Custom layers as an app of TensorFlow.js registers them: classes that extend its Layer. */
const { Layer } = tf.layers as unknown as { Layer: new (config: object) => { name: string } }
interface Ops {
  mul(a: unknown, b: number): unknown
  depthToSpace(x: unknown, size: number, format: string): unknown
}
const ops = tf as unknown as Ops
const first = (inputs: unknown): unknown => (Array.isArray(inputs) ? (inputs as unknown[])[0] : inputs)

class MultiplyBeta extends Layer {
  static className = 'MultiplyBeta'
  call(inputs: unknown): unknown {
    return ops.mul(first(inputs), 0.2)
  }
}
class PixelShuffle4x extends Layer {
  static className = 'PixelShuffle4x'
  computeOutputShape([batch, height, width]: number[]): number[] {
    return [batch!, height!, width!, 3]
  }
  call(inputs: unknown): unknown {
    return ops.depthToSpace(first(inputs), 4, 'NHWC')
  }
}
class Halve extends Layer {
  static className = 'Halve'
  call(inputs: unknown): unknown {
    return ops.mul(first(inputs), 0.5)
  }
}
for (const layer of [MultiplyBeta, PixelShuffle4x, Halve]) tf.serialization.registerClass(layer)

it('the custom layers of ESRGAN are known', async () => {
  const model = tf.sequential()
  model.add(tf.layers['conv2d']!({ filters: 48, kernelSize: 3, padding: 'same', inputShape: [4, 5, 3] }))
  model.add(new MultiplyBeta({}))
  model.add(new PixelShuffle4x({}))
  const own = await expectSame(model)
  expect(opsOf(own)).toEqual(['Transpose', 'Conv', 'Mul', 'DepthToSpace', 'Transpose'])
})

it('customLayers says what another one does, and goes before what is known', async () => {
  const model = tf.sequential()
  model.add(tf.layers['dense']!({ units: 3, inputShape: [4] }))
  model.add(new Halve({ name: 'half' }))
  await expect(expectSame(model)).rejects.toThrow(/layer 'half' is a 'Halve'.*customLayers/)
  await expectSame(
    model,
    {},
    { customLayers: { Halve: ({ inputs: [x], node, constant }) => node('Mul', [x, constant(Tensor.float32([], [0.5]))]) } },
  )
  const own = read(await saved(model), { customLayers: { Dense: ({ inputs: [x] }) => x!, Halve: ({ inputs: [x] }) => x! } })
  expect(opsOf(own)).toEqual(['Identity'])
})

it('a custom layer sees its name, its configuration, its shapes and its weights', async () => {
  const model = tf.sequential()
  model.add(tf.layers['dense']!({ units: 3, inputShape: [4], name: 'mine' }))
  const seen: unknown[] = []
  read(await saved(model), {
    customLayers: {
      Dense: ({ name, config, inputs: [x], shape, weight, node }) => {
        seen.push(name, config['units'], shape(x!), weight('kernel').shape)
        return node('MatMul', [x, weight('kernel')])
      },
    },
  })
  expect(seen).toEqual(['mine', 3, ['N', 4], [4, 3]])
})
