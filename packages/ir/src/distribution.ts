/**
 * What is known of the elements of a value's channels without running the model: the scale and shift of the BatchNormalization that gave it. Held
 * in memory only; no file has it. Channels are on axis 1.
 */
export interface ChannelDistribution {
  readonly mean: Float32Array
  /** Standard deviation; none is negative. */
  readonly deviation: Float32Array
}
