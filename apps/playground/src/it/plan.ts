/** Sentences with *it* and statements in a step, and steps in all. */
export const plan = { sentences: 32, statements: 64, steps: 300 };

/** Steps from one measurement of the accuracy to the next. */
export const measureEvery = 10;
