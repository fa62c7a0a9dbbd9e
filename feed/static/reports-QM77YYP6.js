import{p as o,q as r}from"./chunk-EUQHAW7Y.js";function t(){return o(r,{})}export{t as default};
