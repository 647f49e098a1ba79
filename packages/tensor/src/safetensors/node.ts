/** Safetensors files on disk, for Node: streamed reading and atomic writing, of single files and of checkpoints in folders. */
export { fileSource, openSafetensorsFile, readSafetensorsFile } from './file-source.js';
export type { FileSource, ReadHandle, SafetensorsFileReader } from './file-source.js';
export { openSafetensorsFolder, openShardedSafetensorsFile } from './folder.js';
export type { FolderOptions, SafetensorsFolderReader } from './folder.js';
export { writeSafetensorsFile } from './write-file.js';
export type { WriteFileOptions } from './write-file.js';
export { writeSafetensorsFolder } from './write-folder.js';
export type { WriteFolderOptions, WriteFolderSystem } from './write-folder.js';
export type { WriteFileSystem, WriteHandle } from './atomic-file.js';
