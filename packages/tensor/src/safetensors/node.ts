/** Safetensors files on disk, for Node: streamed reading and atomic writing. */
export { fileSource, openSafetensorsFile, readSafetensorsFile } from './file-source.js';
export type { FileSource, SafetensorsFileReader } from './file-source.js';
export { writeSafetensorsFile } from './write-file.js';
export type { WriteFileOptions, WriteFileSystem, WriteHandle } from './write-file.js';
