// Images in, answers out: what a checkpoint's processor makes of pixels, and a few lines around ViT and CLIP. What reads files is yours: an ImageData of a
// canvas, or what any decoder gives.

export type { ByteImage, ImagePixels } from './vision/image.js';
export { resize } from './vision/resize.js';
export type { ResizeOptions } from './vision/resize.js';
export type { Resampling } from './vision/filters.js';
export { loadImageProcessor, readImageProcessor } from './vision/processor.js';
export type { HeightWidth, ImageProcessor } from './vision/processor.js';
export { preprocess } from './vision/preprocess.js';
export type { PreprocessOptions } from './vision/preprocess.js';
export { classifyImage } from './vision/classify-image.js';
export type { ClassifyImageOptions, ImageModel } from './vision/classify-image.js';
export { embedImages } from './vision/embed-images.js';
export type { EmbedImagesOptions, ImageTower } from './vision/embed-images.js';
export { embedTexts } from './vision/embed-texts.js';
export type { TextTower } from './vision/embed-texts.js';
export { matchImages } from './vision/match-images.js';
export type { MatchingModel, MatchOptions } from './vision/match-images.js';
