import type { GateActivation } from '../../backend.js';
import { binaryFunctions, unaryFunctions } from '../../cpu/scalar-functions.js';
import { type BackendCase, mustTakeBoth } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { oddSizes, uniformSample } from '../samples.js';

const activations: readonly GateActivation[] = ['none', 'relu', 'gelu', 'geluTanh', 'silu', 'sigmoid'];

export function gateReference(gate: Float32Array, up: Float32Array, activation: GateActivation): Float64Array {
  const act = activation === 'none' ? (x: number) => x : unaryFunctions[activation];
  return Float64Array.from(gate, (x, i) => act(x) * up[i]!);
}

export function gateGradReference(dy: Float32Array, gate: Float32Array, up: Float32Array, activation: GateActivation) {
  const slope = (x: number): number => {
    if (activation === 'none') return 1;
    if (activation === 'sigmoid') return binaryFunctions.sigmoidGrad(unaryFunctions.sigmoid(x), 1);
    return binaryFunctions[`${activation}Grad`](x, 1);
  };
  const act = activation === 'none' ? (x: number) => x : unaryFunctions[activation];
  return {
    dGate: Float64Array.from(gate, (x, i) => dy[i]! * up[i]! * slope(x)),
    dUp: Float64Array.from(gate, (x, i) => dy[i]! * act(x)),
  };
}

async function agrees(lab: Lab, activation: GateActivation): Promise<void | false> {
  let taken = false;
  for (const n of oddSizes) {
    const [gate, up, dy] = [uniformSample(1, n, -5, 5), uniformSample(2, n), uniformSample(3, n)];
    const [x, y] = [lab.put(gate), lab.put(up)];
    const out = lab.out('float32', n);
    const forward = lab.backend.fused.glu!(out, x, y, { activation });
    if (forward) await lab.check(`glu ${activation} of ${n}`, out, gateReference(gate, up, activation), { rtol: 3e-6, atol: 1e-6 });
    else await lab.check('glu declined, so out', out, lab.rubbish('float32', n), exact);
    const [dGate, dUp] = [lab.out('float32', n), lab.out('float32', n)];
    if (!lab.backend.fused.gluGrad?.(dGate, dUp, lab.put(dy), x, y, { activation })) {
      if (lab.backend.fused.gluGrad) mustTakeBoth('gluGrad', forward);
      continue;
    }
    taken = true;
    const want = gateGradReference(dy, gate, up, activation);
    await lab.check(`gluGrad ${activation} of ${n}: dGate`, dGate, want.dGate, { rtol: 3e-6, atol: 3e-6 });
    await lab.check(`gluGrad ${activation} of ${n}: dUp`, dUp, want.dUp, { rtol: 3e-6, atol: 1e-6 });
  }
  return taken ? undefined : false;
}

export const gateCases: readonly BackendCase[] = activations.map((activation) => ({
  name: `glu: ${activation}`,
  needs: 'glu',
  run: (lab) => agrees(lab, activation),
}));
