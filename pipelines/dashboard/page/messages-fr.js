// Texts.

export const messagesFr = {};
