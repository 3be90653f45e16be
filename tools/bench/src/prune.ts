import { benchOfQueries } from '../quantize/queries.ts'

/** Half of the weights zero in one shot: the optimal brain surgeon on calibration data, and beside it plain magnitude; with and without 8 bits. */
const QUERIES = ['prune=0.5&calibrate=task', 'prune=0.5', 'prune=0.5&int8&calibrate=task', 'prune=0.5&int8']

export default benchOfQueries('prune', QUERIES, ['direction', 'recogniser'])
