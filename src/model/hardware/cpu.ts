// The processors of a machine, taken together.
import { Type, type Static } from 'typebox';
import { nullable, U32 } from '../fields.ts';

export const Cpu = Type.Object({
  cpu_model: nullable(Type.String()),
  cpu_cores: nullable(U32({ description: 'physical cores' })),
  cpu_threads: nullable(U32({ description: 'logical processors' })),
  cpu_sockets: nullable(U32()),
  cpu_virtualization: Type.Optional(
    nullable(Type.Enum(['vmx', 'svm'], { description: 'runs virtual machines' })),
  ),
});
export type Cpu = Static<typeof Cpu>;
