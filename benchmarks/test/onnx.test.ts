import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { distance } from '../agree.ts';
import { GraphWriter } from '../onnx/graph-writer.ts';
import { graph, model, node, value } from '../onnx/model.ts';
import { bytes, float, int, join, message, text, varint } from '../onnx/protobuf.ts';
import { onnxruntime, session } from '../peers/onnxruntime.ts';
import { normals } from '../random.ts';
import { gelu, layerNorm, linear, matrix } from '../reference/loops.ts';

describe('the wire format', () => {
  const hex = (content: Uint8Array) => Buffer.from(content).toString('hex');

  test('numbers, as in the documentation of Protocol Buffers', () => {
    assert.equal(hex(varint(1)), '01');
    assert.equal(hex(varint(150)), '9601');
    assert.equal(hex(varint(-1)), 'ffffffffffffffffff01');
    assert.equal(hex(varint(2n ** 40n)), '808080808020');
  });

  test('fields and messages inside messages', () => {
    assert.equal(hex(join(int(1, 150))), '089601');
    assert.equal(hex(join(text(2, 'testing'))), '120774657374696e67');
    assert.equal(hex(join(float(3, 1))), '1d0000803f');
    assert.equal(hex(join(message(3, int(1, 150)))), '1a03089601');
    assert.equal(hex(join(bytes(20, Uint8Array.of(7)))), 'a2010107');
  });
});

describe('graphs that ONNX Runtime runs', () => {
  async function run(content: Uint8Array, feeds: Record<string, { data: Float32Array | BigInt64Array; dims: number[] }>) {
    const ort = await onnxruntime(1);
    const opened = await session(ort, content);
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => {
      const tensor = data instanceof Float32Array ? new ort.Tensor('float32', data, dims) : new ort.Tensor('int64', data, dims);
      return [name, tensor] as const;
    });
    const { y } = await opened.run(Object.fromEntries(tensors));
    await opened.release();
    return y!;
  }

  test('attributes of every kind, initialisers of every type, named axes', async () => {
    const content = model(
      graph({
        inputs: [value('x', 'float32', ['rows', 3])],
        outputs: [value('y', 'float32', ['rows', 3])],
        initializers: [
          { name: 'visible', dtype: 'bool', dims: [3], data: Uint8Array.of(1, 0, 1) },
          { name: 'shape', dtype: 'int64', dims: [2], data: BigInt64Array.of(-1n, 3n) },
          { name: 'hidden', dtype: 'float32', dims: [], data: Float32Array.of(-100) },
          { name: 'scale', dtype: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) },
        ],
        nodes: [
          node('Where', ['visible', 'x', 'hidden'], ['seen']),
          node('Softmax', ['seen'], ['p'], { axis: -1 }), // an integer
          node('Transpose', ['p'], ['t'], { perm: [1, 0] }), // integers
          node('Transpose', ['t'], ['back'], { perm: [1, 0] }),
          node('LayerNormalization', ['back', 'scale'], ['n'], { axis: -1, epsilon: { float: 0.5 } }), // a float
          node('Reshape', ['n', 'shape'], ['y']),
        ],
      }),
    );
    const y = await run(content, { x: { data: Float32Array.of(0, 9, 0, 1, 9, 1), dims: [2, 3] } });
    assert.deepEqual(y.dims, [2, 3]);
    // p is ½, 0, ½ in both rows: mean ⅓, variance 1/18.
    const [high, low] = [1 / 6, -1 / 3].map((d) => d / Math.sqrt(1 / 18 + 0.5)) as [number, number];
    assert.ok(distance(y.data as Float32Array, [high, 2 * low, 3 * high, high, 2 * low, 3 * high]) < 1e-6);
  });

  test('what the writer puts together is what plain loops compute', async () => {
    const [weight, bias, scale] = [normals(1, 12), normals(2, 4), normals(3, 4)];
    const g = new GraphWriter();
    const projected = g.linear('x', { shape: [4, 3], data: weight }, { shape: [4], data: bias });
    const normed = g.layerNorm(
      projected,
      [
        { shape: [4], data: scale },
        { shape: [4], data: bias },
      ],
      1e-5,
    );
    const content = g.finish(g.gelu(normed), [value('x', 'float32', [5, 3])], value('y', 'float32', [5, 4]));
    const x = normals(4, 15);
    const y = await run(model(content), { x: { data: x, dims: [5, 3] } });
    const expected = gelu(layerNorm(linear(matrix(5, 3, Float64Array.from(x)), weight, bias), scale, bias, 1e-5));
    assert.ok(distance(y.data as Float32Array, expected.data) < 1e-5);
  });

  test('a weight that is used twice is stored once', () => {
    const shared = { shape: [1000], data: normals(5, 1000) };
    const g = new GraphWriter();
    const twice = g.op('Add', [g.weight(shared), g.weight(shared)]);
    const content = model(g.finish(twice, [], value('y', 'float32', [1000])));
    assert.ok(content.length < 5000);
  });
});
