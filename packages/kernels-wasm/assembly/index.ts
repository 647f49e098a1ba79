export { binary, binaryRow, select, unary } from './elementwise';
export { cast, fill32, fill8, logicalNot } from './cast';
export { copyElements1, copyElements4, copyRuns, copyTransposed } from './copy';
export { matmul, matmulScratch, packB, skinny } from './matmul';
export { argmaxFloat, argmaxInt, cumulateFloat, cumulateInt, reduceFloat, reduceInt } from './reduce';
export { badId, gather, scatter, scatterAddFloat, scatterSet, slide } from './gather';
export { dropout, random } from './random';
export { softmax, softmaxGrad } from './softmax';
export { layerNorm, normGrad, rmsNorm, sumRows } from './norm';
export { badTarget, crossEntropy, crossEntropyGrad } from './loss';
export { adamStep } from './optim';
export function heapBase(): usize {
  return __heap_base;
}
export { attention } from './attention';
export { attentionScratch } from './attention-call';
export { attentionGrad } from './attention-grad';
export { rope } from './rope';
export { glu, gluGrad } from './gate';
export { groupSums, linearQ, quantScratch, roundRows, unroundRows } from './quant';
