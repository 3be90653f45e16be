import type { Value } from '@whittle/ir'
import { type Builder, float, range, shapeOf } from '../builder.ts'
import { unbroadcast } from '../broadcast.ts'
import type { Backward, Rule } from '../rule.ts'

/** Products of matrices. */

function swapped(b: Builder, value: Value, rank: number): Value {
  return b.transpose(value, [...range(0, rank - 2), rank - 1, rank - 2])
}

/** `[..., m, k] [..., k, n]`, both broadcast over the first axes; a vector is a row at the left and a column at the right. */
function matmulGradient({ b, x, y, dy, needs }: Backward): (Value | undefined)[] {
  const [left, right] = [x(0), x(1)]
  const [leftRank, rightRank] = [shapeOf(left).length, shapeOf(right).length]
  const added = [...(leftRank === 1 ? [-2] : []), ...(rightRank === 1 ? [-1] : [])]
  const a = leftRank === 1 ? b.unsqueeze(left, [0]) : left
  const c = rightRank === 1 ? b.unsqueeze(right, [1]) : right
  const d = b.unsqueeze(dy, added)
  const batch = shapeOf(y).slice(0, shapeOf(y).length - 2 + added.length)
  const [rows, inner] = leftRank === 1 ? [1, shapeOf(left)[0]!] : shapeOf(left).slice(-2)
  const columns = rightRank === 1 ? 1 : shapeOf(right).at(-1)!
  const gradientOfLeft = (): Value => {
    const product = b.op('MatMul', [d, swapped(b, c, Math.max(2, rightRank))])
    if (leftRank === 1) return b.reshapeLike(b.sum(product, range(0, batch.length), false), left)
    return unbroadcast(b, product, [...batch, rows!, inner!], left)
  }
  const gradientOfRight = (): Value => {
    // One product for the whole batch.
    if (rightRank === 2 && leftRank > 2) {
      const [x2, d2] = [b.op('Reshape', [a, rowsOf(b, left)]), b.op('Reshape', [d, rowsOf(b, y)])]
      return b.op('Gemm', [x2, d2], { transA: 1 })
    }
    const product = b.op('MatMul', [swapped(b, a, Math.max(2, leftRank)), d])
    if (rightRank === 1) return b.reshapeLike(b.sum(product, range(0, batch.length), false), right)
    return unbroadcast(b, product, [...batch, inner!, columns], right)
  }
  return [needs(0) ? gradientOfLeft() : undefined, needs(1) ? gradientOfRight() : undefined]
}

/** The shape `[-1, last dim]`. */
function rowsOf(b: Builder, value: Value): Value {
  const rank = shapeOf(value).length
  return b.concat([b.ints([-1]), b.dimsOf(value, rank - 1, rank)])
}

function gemmGradient({ b, node, x, y, dy, needs }: Backward): (Value | undefined)[] {
  const alpha = float(node.float('alpha', 1))
  const [transA, transB] = [node.int('transA', 0), node.int('transB', 0)]
  const product = (left: Value, right: Value, transLeft: number, transRight: number): Value =>
    b.op('Gemm', [left, right], { alpha, transA: transLeft, transB: transRight })
  const gradientOfBias = (): Value => {
    const beta = node.float('beta', 1)
    const sum = unbroadcast(b, dy, y.shape, x(2))
    return beta === 1 ? sum : b.mul(sum, beta)
  }
  return [
    needs(0) ? (transA ? product(x(1), dy, transB, 1) : product(dy, x(1), 0, 1 - transB)) : undefined,
    needs(1) ? (transB ? product(dy, x(0), 1, transA) : product(x(0), dy, 1 - transA, 0)) : undefined,
    needs(2) ? gradientOfBias() : undefined,
  ]
}

export const matmulRules: readonly Rule[] = [
  { op: 'MatMul', gradient: matmulGradient },
  { op: 'Gemm', gradient: gemmGradient },
]
