export { withTensors as default } from '../../vitest.base.ts';
