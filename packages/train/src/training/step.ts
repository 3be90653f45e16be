import { type Engine, type EngineSession, type Model, Tensor, type Tensors, type Value, inferShapes, removeUnused } from '@whittle/ir'
import { asInput } from '../as-input.ts'
import { type BatchStatistic, useBatchStatistics } from '../batch-statistics.ts'
import type { FakeScale } from '../fake-quantize.ts'
import { gradients } from '../gradients.ts'
import type { Objective } from '../objective/objective.ts'
import { type Frozen, traceDependence } from '../reach.ts'
import type { Learner } from './parameters.ts'
import type { Parameter } from './optimizer.ts'
import { type Placed, stacked } from './samples.ts'
import type { RunningStatistic } from './running.ts'
import { valuesOf } from '../values.ts'

/** The two models of training, whose parameters are inputs: one gives the loss, the other the gradients as well. */
export interface TrainingGraphs {
  readonly forward: Model
  readonly backward: Model
  /** Gives the model's own outputs, where they are wanted. */
  readonly answers: Model | undefined
  /** Names of the outputs that are a parameter's gradient. */
  readonly slopes: ReadonlyMap<string, string>
  readonly loss: string
  /** What the gradients' model gives of each batch, and the loss's model is given. */
  readonly statistics: BatchStatistic[]
  readonly frozen: Frozen[]
  /** Parameters that the loss does not depend on, with the reason. */
  readonly unreached: string[]
}

export interface GraphParts {
  readonly objectives: readonly Objective[]
  readonly learners: readonly Learner[]
  readonly scales: readonly FakeScale[]
  /** Whether BatchNormalizations take the statistics of each batch while they learn, and not those that they keep. */
  readonly ofBatches: boolean
  /** Whether the outputs are wanted as well. */
  readonly answering: boolean
}

/**
 * Adds the objectives' losses and differentiates their sum.
 * @param model is edited.
 */
export function trainingGraphs(model: Model, { objectives, learners, scales, ofBatches, answering }: GraphParts): TrainingGraphs {
  const { graph } = model
  const [inputs, outputs] = [graph.inputs, graph.outputs].map((values) => values.map(({ name }) => name))
  const terms = objectives.map((objective) => objective.add(model))
  const total: Value = terms.length === 1 ? terms[0]! : graph.addNode({ op: 'Sum', inputs: terms, outputs: ['loss'] }).output
  if (!total.isOutput) graph.addOutput(total)
  inferShapes(model)
  const wanted = [...learners.map(({ value }) => value), ...scales.map(({ value }) => value)]
  const { reached } = traceDependence(graph, total, new Set(wanted))
  const wrt = wanted.filter((value) => reached.has(value)).map(({ name }) => name)
  const unreached = learners.filter(({ value }) => !reached.has(value)).map(({ value }) => value.name)
  const loss = total.name
  if (wrt.length === 0)
    return { forward: model, backward: model, answers: undefined, slopes: new Map(), loss, statistics: [], frozen: [], unreached }
  const forward = model.clone()
  const statistics = ofBatches ? useBatchStatistics(model) : []
  const { model: backward, gradients: slopes, frozen } = gradients(model, { loss, wrt, parameters: 'inputs' })
  keepOutputs(backward, [loss, ...slopes.values(), ...statistics.map(({ output }) => output)])
  const given = new Set([...wrt, ...statistics.map(({ name }) => name)])
  for (const value of valuesOf(forward)) if (given.has(value.name)) asInput(value)
  const answers = answering ? forward.clone() : undefined
  if (answers) {
    keepOutputs(answers, outputs!)
    removeUnused(answers.graph)
    for (const input of [...answers.graph.inputs])
      if (!inputs!.includes(input.name) && !given.has(input.name)) answers.graph.removeInput(input)
  }
  keepOutputs(forward, [loss])
  removeUnused(forward.graph)
  return { forward, backward, answers, slopes, loss, statistics, frozen, unreached }
}

function keepOutputs({ graph }: Model, names: readonly string[]): void {
  graph.setOutputs(graph.outputs.filter(({ name }) => names.includes(name)))
}

/** Runs the training graphs on batches. */
export class TrainingStep {
  readonly #graphs: TrainingGraphs
  readonly #objectives: readonly Objective[]
  readonly #parameters: readonly Parameter[]
  readonly #running: readonly RunningStatistic[]
  readonly #given: Tensors
  readonly #kept: Tensors
  readonly #forward: EngineSession
  readonly #backward: EngineSession
  readonly #answers: EngineSession | undefined

  private constructor(
    graphs: TrainingGraphs,
    objectives: readonly Objective[],
    parameters: readonly Parameter[],
    running: readonly RunningStatistic[],
    [forward, backward, answers]: readonly [EngineSession, EngineSession, EngineSession | undefined],
  ) {
    this.#graphs = graphs
    this.#objectives = objectives
    this.#parameters = parameters
    this.#running = running
    // On the parameters' own memory, so that each run sees what they have become.
    const { inputs } = graphs.backward.graph
    const dimsOf = (name: string): readonly number[] => inputs.find((input) => input.name === name)!.shape as number[]
    this.#given = Object.fromEntries(parameters.map(({ name, values }) => [name, Tensor.float32(dimsOf(name), values)]))
    this.#kept = Object.fromEntries(running.map(({ name, values }) => [name, Tensor.float32([values.length], values)]))
    this.#forward = forward
    this.#backward = backward
    this.#answers = answers
  }

  static async open(
    engine: Engine,
    graphs: TrainingGraphs,
    objectives: readonly Objective[],
    parameters: readonly Parameter[],
    running: readonly RunningStatistic[],
  ): Promise<TrainingStep> {
    const { forward, backward, answers } = graphs
    const sessions = [await engine.open(forward), await engine.open(backward), answers && (await engine.open(answers))] as const
    return new TrainingStep(graphs, objectives, parameters, running, sessions)
  }

  /** The inputs of a run on some samples of equal shapes. */
  async feeds(batch: readonly Placed[]): Promise<Tensors> {
    const each: Tensors[] = []
    for (const { sample, where } of batch) {
      const targets: Tensors[] = []
      for (const objective of this.#objectives) targets.push(await objective.targets(sample, where))
      each.push(Object.assign({}, sample.inputs, ...targets) as Tensors)
    }
    const names = Object.keys(each[0]!)
    const data = Object.fromEntries(names.map((name) => [name, stacked(each.map((tensors) => tensors[name]!))]))
    return { ...data, ...this.#given }
  }

  /** The loss of samples of equal shapes. */
  async loss(batch: readonly Placed[]): Promise<number> {
    const outputs = await this.#forward.run({ ...(await this.feeds(batch)), ...this.#kept })
    return outputs[this.#graphs.loss]!.toNumbers()[0]!
  }

  /** The model's outputs, with the weights as they are now. */
  async answer(inputs: Tensors): Promise<Tensors> {
    return await this.#answers!.run({ ...inputs, ...this.#given, ...this.#kept })
  }

  /** The loss, and its gradients by parameter, of samples of equal shapes; running statistics take the batch's in. */
  async gradients(batch: readonly Placed[]): Promise<{ loss: number; slopes: Float32Array[] }> {
    const outputs = await this.#backward.run(await this.feeds(batch))
    const slopes = this.#parameters.map(({ name }) => outputs[this.#graphs.slopes.get(name)!]!.toFloat32())
    for (const statistic of this.#running) statistic.take(outputs[statistic.output]!.toFloat32())
    return { loss: outputs[this.#graphs.loss]!.toNumbers()[0]!, slopes }
  }

  async dispose(): Promise<void> {
    await this.#forward.dispose()
    await this.#backward.dispose()
    await this.#answers?.dispose()
  }
}
