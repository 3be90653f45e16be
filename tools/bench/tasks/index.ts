import { detector } from './detector.ts'
import { direction } from './direction.ts'
import { face } from './face.ts'
import { fashion } from './fashion.ts'
import { recogniser } from './recogniser.ts'
import { recogniserChinese } from './recogniser-chinese.ts'
import { sentences } from './sentences.ts'
import type { Task } from './task.ts'
import { voice } from './voice.ts'

export const tasks: readonly Task[] = [recogniser, detector, voice, direction, fashion, face, sentences, recogniserChinese]
