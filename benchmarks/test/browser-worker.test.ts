import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as browser from '../peers/browser-worker.ts';

test("a browser's Worker on Node's threads: messages go to and fro, errors come back", async () => {
  assert.equal(browser.Worker, undefined, 'one thread: as if there were none');
  browser.setThreads(2);
  assert.equal(browser.navigator?.hardwareConcurrency, 2);
  const source = `self.onmessage = (e) => { if (e.data === 0) throw new Error('zero'); postMessage(e.data * 2); };`;
  const url = URL.createObjectURL(new Blob([source], { type: 'application/javascript' }));
  const worker = new browser.Worker!(url);
  const alive = setInterval(() => {}, 1000); // workers keep no process alive
  const answers: unknown[] = [];
  await new Promise<void>((resolve) => {
    worker.onmessage = ({ data }) => {
      answers.push(data);
      if (answers.length === 2) worker.postMessage(0);
    };
    worker.onerror = (error) => {
      answers.push(error.message);
      resolve();
    };
    worker.postMessage(21);
    worker.postMessage(4);
  });
  clearInterval(alive);
  worker.terminate();
  assert.deepEqual(answers, [42, 8, 'zero']);
});
