import { afterEach, beforeEach, expect } from 'vitest';
import { liveTensors } from '../tensor.js';

export { liveTensors };

/**
 * Fails every test of the file, or of the `describe` block, that leaves tensors behind. Tensors made in `beforeAll` may stay.
 *
 * @example
 * failOnLeak(); // in a setup file or at the top of a test file
 */
export function failOnLeak(): void {
  let before = 0;
  beforeEach(() => {
    before = liveTensors();
  });
  afterEach(() => {
    expect(liveTensors(), 'live tensors after the test (before it, the expected number)').toBe(before);
  });
}
