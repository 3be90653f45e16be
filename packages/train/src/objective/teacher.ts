import {
  type Engine,
  type EngineSession,
  type Model,
  type Sample,
  Tensor,
  type Tensors,
  TransformError,
  type Value,
  inferShapes,
  invalidOption,
} from '@whittle/ir'
import { Builder } from '../builder.ts'
import { LEAST_PROBABILITY, klDivergence, meanSquaredError, sigmoidCrossEntropy } from '../losses.ts'
import type { Objective } from './objective.ts'
import { isLogarithm, scoresOf } from './scores.ts'

export interface DistillOptions {
  /** Divides the logits of classes, so that classes that are unlikely have a say (Hinton, Vinyals & Dean 2015). @default 1 */
  temperature?: number
  /** Names of inner values that are followed as well (Romero et al. 2015); both models must have them. @default [] */
  follow?: readonly string[]
}

/** What the teacher gave for a sample is kept up to so many bytes over all samples; beyond them it runs anew each time. */
const MOST_KEPT = 512e6
/** Samples from which the size of an output is told. */
const PREPARED = 16

/**
 * The loss of a student that follows a teacher on unlabelled samples: of outputs behind a softmax or a sigmoid the divergence of the
 * probabilities, of all others and of inner values the squared error as a share of the teacher's variance.
 */
export async function teacherObjective(teacher: Model, engine: Engine, options: DistillOptions = {}): Promise<Objective> {
  const { temperature = 1, follow = [] } = options
  if (!(typeof temperature === 'number' && temperature > 0 && Number.isFinite(temperature)))
    throw invalidOption('distill', 'temperature', 'a number above 0', temperature)
  const names = [...new Set([...teacher.graph.outputs.filter(isFloat).map(({ name }) => name), ...follow])]
  if (names.length === 0) throw new TransformError('DISTILL_OUTPUT', 'distill: the model has no float32 output that a student could follow')
  const session = await engine.open(teacher, { capture: [...follow] })
  const variances = new Map<string, number>()
  const outputs = rememberRuns(session)
  return {
    name: 'teacher',
    async prepare(samples) {
      const given: Tensors[] = []
      for (const sample of samples.slice(0, PREPARED)) given.push(await outputs(sample))
      for (const name of names) variances.set(name, varianceOf(given.map((tensors) => tensors[name]!)))
    },
    add(model) {
      const terms = names.map((name) => addTerm(model, name, temperature, variances.get(name) ?? 1))
      const { output } = model.graph.addNode({ op: 'Sum', inputs: terms, outputs: ['distillation'] })
      inferShapes(model)
      return output
    },
    async targets(sample) {
      const given = await outputs(sample)
      return Object.fromEntries(names.map((name) => [inputName(name), given[name]!]))
    },
    dispose: () => session.dispose(),
  }
}

const inputName = (name: string): string => `teacher:${name}`
const isFloat = (value: Value): boolean => value.elementType === 'float32'

function rememberRuns(session: EngineSession): (sample: Sample) => Promise<Tensors> {
  const known = new WeakMap<Sample, Tensors>()
  let kept = 0
  return async (sample) => {
    const old = known.get(sample)
    if (old) return old
    const outputs = await session.run(sample.inputs)
    const bytes = Object.values(outputs).reduce((sum, { size }) => sum + 4 * size, 0)
    if (kept + bytes <= MOST_KEPT) {
      kept += bytes
      known.set(sample, outputs)
    }
    return outputs
  }
}

function addTerm(model: Model, name: string, temperature: number, variance: number): Value {
  const { graph } = model
  const value =
    graph.outputs.find((output) => output.name === name) ??
    graph.nodes.flatMap((node) => node.outputs).find((output) => output?.name === name)
  if (!value)
    throw new TransformError('DISTILL_OUTPUT', `distill: the compressed model has no value '${name}' that could follow the original's`)
  const theirs = graph.addInput(inputName(name), 'float32', value.shape && [...value.shape])
  const b = new Builder(graph)
  const scores = graph.outputs.includes(value) ? scoresOf(value) : ({ kind: 'numbers', values: value } as const)
  switch (scores.kind) {
    case 'classes': {
      // A softmax does not see what is added to all logits, so that logarithms of probabilities are logits.
      const logits = isLogarithm(value) ? theirs : b.op('Log', [b.op('Clip', [theirs, b.scalar(LEAST_PROBABILITY), b.scalar(1)])])
      return klDivergence(graph, scores.logits, logits, temperature, scores.axis)
    }
    case 'yes-or-no':
      return sigmoidCrossEntropy(graph, scores.logits, theirs)
    case 'numbers':
      return b.div(meanSquaredError(graph, scores.values, theirs), Math.max(variance, Number.MIN_VALUE))
  }
}

function varianceOf(tensors: readonly Tensor[]): number {
  let [count, sum, squares] = [0, 0, 0]
  for (const tensor of tensors)
    for (const item of tensor.toFloat32()) {
      count++
      sum += item
      squares += item * item
    }
  const variance = squares / Math.max(1, count) - (sum / Math.max(1, count)) ** 2
  // What never changes is followed as it is.
  return variance > 0 ? variance : 1
}
