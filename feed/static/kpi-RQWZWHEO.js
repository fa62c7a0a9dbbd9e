import{h as o,i as r}from"./chunk-2KR7FVDJ.js";import"./chunk-GRQTWH7A.js";function t(){return o(r,{})}export{t as default};
