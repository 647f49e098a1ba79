import { Conv1d, Conv2d, constant, GroupNorm } from '@multihead/layers';
import { convTranspose1d, convTranspose2d, type PerAxis, type WindowPadding, param } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Built, type Builder, flag, type Given, number } from './built.js';

/* Modules that convolve, and norms over channels. */

function slidingOf({ ctor }: Given) {
  const mode = ctor.padding_mode ?? 'zeros';
  if (mode !== 'zeros') throw notBuilt(`convolutions with padding_mode ${mode}`);
  return {
    stride: (ctor.stride ?? undefined) as PerAxis | undefined,
    dilation: (ctor.dilation ?? undefined) as PerAxis | undefined,
    groups: number(ctor.groups, 1),
  };
}

function conv(axes: 1 | 2): Builder {
  return (given): Built => {
    const { ctor, input } = given;
    const [inChannels, outChannels] = [number(ctor.in_channels), number(ctor.out_channels)];
    const padding = (ctor.padding ?? undefined) as WindowPadding | 'same' | 'valid' | undefined;
    const options = { ...slidingOf(given), padding, bias: flag(ctor.bias, true) };
    const kernel = kernelOf(given, axes);
    const module =
      axes === 1 ? new Conv1d(inChannels, outChannels, kernel[0], options) : new Conv2d(inChannels, outChannels, kernel, options);
    return { module, forward: () => module.forward(input('input')!) };
  };
}

function kernelOf({ ctor }: Given, axes: number): number[] {
  const given = [ctor.kernel_size].flat() as number[];
  return Array.from({ length: axes }, (_, i) => given[i] ?? given[0]);
}

function convTranspose(axes: 1 | 2): Builder {
  return (given): Built => {
    const { ctor, input } = given;
    const options = {
      ...slidingOf(given),
      padding: (ctor.padding ?? undefined) as WindowPadding | undefined,
      outputPadding: (ctor.output_padding ?? undefined) as PerAxis | undefined,
    };
    const outInGroup = number(ctor.out_channels) / options.groups;
    const module = {
      weight: param([number(ctor.in_channels), outInGroup, ...kernelOf(given, axes)], constant(0)),
      bias: flag(ctor.bias, true) ? param([number(ctor.out_channels)], constant(0)) : null,
    };
    const op = axes === 1 ? convTranspose1d : convTranspose2d;
    return { module, forward: () => op(input('input')!, module.weight, module.bias, options) };
  };
}

function groupNorm({ ctor, input }: Given): Built {
  const module = new GroupNorm(number(ctor.num_groups), number(ctor.num_channels), {
    eps: number(ctor.eps, 1e-5),
    affine: flag(ctor.affine, true),
  });
  return { module, forward: () => module.forward(input('input')!) };
}

export const windowModules: Readonly<Record<string, Builder>> = {
  'nn.Conv1d': conv(1),
  'nn.Conv2d': conv(2),
  'nn.ConvTranspose1d': convTranspose(1),
  'nn.ConvTranspose2d': convTranspose(2),
  'nn.GroupNorm': groupNorm,
};
