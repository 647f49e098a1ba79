import { bytes, float, int, join, type Message, message, text } from './protobuf.ts';

/* The parts of an ONNX model, with the field numbers of onnx.proto. */

export type OnnxType = 'float32' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';
const types: Record<OnnxType, number> = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 };

/** A number or a string is an axis that is known, or has a name. */
export type Dims = readonly (number | string)[];

export interface Initializer {
  name: string;
  dtype: OnnxType;
  dims: readonly number[];
  data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

export type Attribute = number | readonly number[] | string | { float: number };

export interface Graph {
  inputs: Message[];
  outputs: Message[];
  initializers: Initializer[];
  nodes: Message[];
}

/** `com.microsoft` operators are allowed beside ONNX's own of this version. */
const OPSET = 20;
const IR_VERSION = 9;

export function model(content: Message, opset = OPSET): Uint8Array<ArrayBuffer> {
  return join([
    ...int(1, IR_VERSION),
    ...text(2, 'multihead benchmarks'),
    ...message(7, content),
    ...message(8, [...text(1, ''), ...int(2, opset)]),
    ...message(8, [...text(1, 'com.microsoft'), ...int(2, 1)]),
  ]);
}

export function graph({ inputs, outputs, initializers, nodes }: Graph): Message {
  return [
    ...nodes.flatMap((one) => message(1, one)),
    ...text(2, 'graph'),
    ...initializers.flatMap((one) => message(5, initializer(one))),
    ...inputs.flatMap((one) => message(11, one)),
    ...outputs.flatMap((one) => message(12, one)),
  ];
}

/** A node with an empty name; `domain` for operators that are not ONNX's. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = '',
): Message {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) => message(5, attribute(name, value))),
    ...(domain ? text(7, domain) : []),
  ];
}

export function value(name: string, dtype: OnnxType, dims: Dims): Message {
  const shape = dims.flatMap((dim) => message(1, typeof dim === 'number' ? int(1, dim) : text(2, dim)));
  const tensorType = [...int(1, types[dtype]), ...message(2, shape)];
  return [...text(1, name), ...message(2, message(1, tensorType))];
}

function attribute(name: string, value: Attribute): Message {
  if (typeof value === 'string') return [...text(1, name), ...text(4, value), ...int(20, 3)];
  if (typeof value === 'number') return [...text(1, name), ...int(3, value), ...int(20, 2)];
  if ('float' in value) return [...text(1, name), ...float(2, value.float), ...int(20, 1)];
  return [...text(1, name), ...value.flatMap((one) => int(8, one)), ...int(20, 7)];
}

function initializer({ name, dtype, dims, data }: Initializer): Message {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return [...dims.flatMap((dim) => int(1, dim)), ...int(2, types[dtype]), ...text(8, name), ...bytes(9, raw)];
}
