import{a as r}from"./part-chunk-WB5FBMNB.js";import"./part-chunk-UXOMFGDG.js";r();
