import { detector } from './detector.ts'
import { recogniser } from './recogniser.ts'
import type { Task } from './task.ts'
import { voice } from './voice.ts'

export const tasks: readonly Task[] = [recogniser, detector, voice]
