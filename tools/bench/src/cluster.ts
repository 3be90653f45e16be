import { benchOfQueries } from '../quantize/queries.ts'

/** Shared values, of a tensor and with a scale for each channel, beside even steps of as many bits; on calibration data, and without. */
const QUERIES = [
  'cluster=16&calibrate=task',
  'cluster=16&cluster.granularity=channel&calibrate=task',
  'int4&calibrate=task',
  'cluster=32&calibrate=task',
  'bits=5&calibrate=task',
  'cluster=16',
  'cluster=16&cluster.granularity=channel',
  'int4',
]

export default benchOfQueries('cluster', QUERIES, ['direction', 'recogniser'])
