// The program that reads files in a process of its own. Its argument is that of serveReads().
import { argv } from 'node:process';
import { serveReads } from './serve-reads.ts';

serveReads(argv[2] ?? '/');
