export { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.js';
