import { availableParallelism } from 'node:os';

/** The compiled tests run as they ship: plain ESM from dist, no transform. */
export default {
  rootDir: '.',
  roots: ['<rootDir>/dist/src', '<rootDir>/dist/conformance', '<rootDir>/dist/benchmark', '<rootDir>/dist/fuzz'],
  testMatch: ['**/*.test.js'],
  testPathIgnorePatterns: ['/node_modules/', '\\.interop\\.test\\.js$'],
  transform: {},
  testEnvironment: 'node',
  cacheDirectory: '<rootDir>/.cache/jest',
  testSequencer: '<rootDir>/scripts/longest-first.mjs',
  // jest's own number is one less than there are cores, which is one on a small machine
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // a defect, not a busy machine, is what exceeds it
  testTimeout: 120_000,
};
